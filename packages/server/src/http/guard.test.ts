import { request } from "node:http";
import { expect, test, vi } from "vitest";
import { ask, serve } from "./serve-for-tests.js";

const atOnce = 256;

test("who goes away while its token is looked at is not counted as there for ever", async () => {
  let waiting = 0;
  let look = () => {};
  const looked = new Promise<void>((resolve) => (look = resolve));
  const verifyToken = async () => {
    waiting += 1;
    await looked;
    return {
      ...{ subject: "ann", verifiedEmail: undefined, name: "Ann", isAdmin: false, scopes: [] },
      expiresAt: Date.now() + 60_000,
    };
  };
  await using served = await serve(undefined, {}, { verifyToken });
  const port = await served.openTcp();
  const headers = { authorization: "Bearer a.b.c" };
  const going = Array.from({ length: atOnce }, () =>
    request({ port, path: "/v1/whoami", headers, agent: false })
      .on("error", () => undefined)
      .end(),
  );
  await vi.waitFor(() => expect(waiting).toBe(atOnce), { timeout: 20_000 });
  const gone = going.map((outgoing) => new Promise((resolve) => outgoing.once("close", resolve)));
  for (const outgoing of going) outgoing.destroy();
  await Promise.all(gone);
  // The daemon has seen them go once it has answered one that came later.
  await ask(port, "/v1/version");
  look();
  await vi.waitFor(async () => expect((await ask(port, "/v1/whoami", { headers })).status).toBe(200), {
    timeout: 20_000,
  });
});
