/** Which address a connection leads to, as far as this host knows: behind a proxy it is not the one that the socket is connected to. */
import type { Socket } from "node:net";

const noted = new WeakMap<Socket, { readonly address: string | undefined }>();

/** Undefined: a proxy was told a name, and looked it up by itself. */
export function noteServerAddress(socket: Socket, address: string | undefined): void {
  noted.set(socket, { address });
}

export function serverAddressOf(socket: Socket): string | undefined {
  const note = noted.get(socket);
  return note === undefined ? socket.remoteAddress : note.address;
}
