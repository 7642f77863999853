/** A daemon over the fake engine, to be started by the SDK as it would start the real one. */
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { createFakeEngine } from "../../server/src/engines/fake/engine.js";
import { createTestControl } from "../../server/src/http/control-for-tests.js";
import { createHttpServer } from "../../server/src/http/server.js";

const directory = process.env.ALCOVE_RUNTIME_DIR ?? "";
if (process.env.ALCOVE_TEST_FAULT !== undefined) {
  console.error(process.env.ALCOVE_TEST_FAULT);
  process.exit(3);
}
const logger = { error: console.error, warn: console.error, info: () => {}, debug: () => {} };
const server = createHttpServer({ control: createTestControl(createFakeEngine()), logger, version: "0.0.0" });
await server.listen({ socketPath: join(directory, "alcoved.sock") });
appendFileSync(join(directory, "started"), `${process.pid}\n`);
