/** SOCKS 5 (RFC 1928), with a password where there is one (RFC 1929). */
import { isIP, type Socket } from "node:net";
import { parseAddress } from "@alcove/contract";
import { type ProxyCredentials, ProxyRefusal, type ProxyTarget } from "./proxy-refusal.js";
import { takeBytes } from "./taken-bytes.js";

const version = 5;
const [noAuthentication, byPassword] = [0, 2];
const [ofFour, ofName, ofSix] = [1, 3, 4];
/** Of a reply: the longest has a name of 255 bytes. */
const maximumReplyBytes = 262;

/** @throws ProxyRefusal */
export async function askBySocks(
  socket: Socket,
  target: ProxyTarget,
  credentials: ProxyCredentials | undefined,
): Promise<void> {
  const method = credentials === undefined ? noAuthentication : byPassword;
  socket.write(Buffer.from([version, 1, method]));
  const [spoken, chosen] = await exactly(socket, 2);
  if (spoken !== version) throw new ProxyRefusal("it answered something that is no SOCKS 5");
  if (chosen !== method) {
    const wanted = credentials === undefined ? "wants credentials" : "takes no password";
    throw new ProxyRefusal(`it ${wanted}`);
  }
  if (credentials !== undefined) await signIn(socket, credentials);
  socket.write(Buffer.concat([Buffer.from([version, 1, 0]), addressOf(target.host), portOf(target.port)]));
  const reply = await takeBytes(socket, lengthOfReply, maximumReplyBytes);
  if (reply[1] !== 0) throw new ProxyRefusal(`it refused: ${replies[reply[1] ?? 0] ?? `reply ${reply[1]}`}`);
}

async function signIn(socket: Socket, { username, password }: ProxyCredentials): Promise<void> {
  const [user, secret] = [Buffer.from(username), Buffer.from(password)];
  if (user.length > 255 || secret.length > 255)
    throw new ProxyRefusal("its credentials are longer than SOCKS 5 can say");
  socket.write(Buffer.concat([Buffer.from([1, user.length]), user, Buffer.from([secret.length]), secret]));
  const [, status] = await exactly(socket, 2);
  if (status !== 0) throw new ProxyRefusal("it did not take the credentials");
}

function exactly(socket: Socket, count: number): Promise<Buffer> {
  return takeBytes(socket, () => count, count);
}

function addressOf(host: string): Buffer {
  const words = isIP(host) === 0 ? undefined : parseAddress(host);
  if (words === undefined) {
    const name = Buffer.from(host);
    return Buffer.concat([Buffer.from([ofName, name.length]), name]);
  }
  const bytes = Buffer.alloc(words.length * 4);
  for (const [at, word] of words.entries()) bytes.writeUInt32BE(word >>> 0, at * 4);
  return Buffer.concat([Buffer.from([words.length === 1 ? ofFour : ofSix]), bytes]);
}

function portOf(port: number): Buffer {
  return Buffer.from([port >> 8, port & 255]);
}

/** Its first four bytes, an address of the kind that the fourth says, and a port. */
function lengthOfReply(bytes: Buffer): number | undefined {
  if (bytes.length > 0 && bytes[0] !== version) throw new ProxyRefusal("it answered something that is no SOCKS 5");
  if (bytes.length < 5) return undefined;
  // Of a refusal the address says nothing, and some leave it out.
  if (bytes[1] !== 0) return 5;
  if (bytes[3] === ofFour) return 10;
  if (bytes[3] === ofSix) return 22;
  if (bytes[3] === ofName) return 7 + (bytes[4] ?? 0);
  throw new ProxyRefusal("it answered something that is no SOCKS 5");
}

const replies: Readonly<Record<number, string>> = {
  1: "it failed",
  2: "its rules do not allow it",
  3: "there is no way to the network",
  4: "there is no way to the host",
  5: "the host refused",
  6: "it took too long",
  7: "it does not know CONNECT",
  8: "it does not know such addresses",
};
