import { once } from "node:events";
import { createServer } from "node:net";
import { EgressPolicy } from "@alcove/contract";
import { expect, test } from "vitest";
import { compileEgress } from "../../policy/egress/compile.js";
import { dial } from "./dial.js";
import { Resolution } from "./resolution.js";

const rule = { action: "Allow", protocol: "Tcp", destination: "127.0.0.0/8" } as const;
const open = compileEgress(EgressPolicy.parse({ defaultAction: "Deny", transportRules: { rules: [rule] } }));
const shut = compileEgress(EgressPolicy.parse({ defaultAction: "Deny" }));

test("a policy that forbids the address while it is connected to counts, and the connection is closed", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = Object(server.address());
  let compiled = open;
  const context = {
    resolution: new Resolution(),
    overrides: { "a.test": "127.0.0.1" },
    compiled: () => compiled,
    routeOf: () => ({ type: "Direct" }) as const,
  };
  const dialling = () => dial(context, { host: "a.test", port }, AbortSignal.timeout(10_000));
  const { socket, address } = await dialling();
  expect(address).toBe("127.0.0.1");
  socket.destroy();
  const accepted = once(server, "connection");
  const late = dialling();
  setImmediate(() => {
    compiled = shut;
  });
  await expect(late).rejects.toMatchObject({ rule: "forbidden-address" });
  const [connection] = await accepted;
  await once(connection.on("error", () => {}).resume(), "close");
  server.close();
});
