/** JSON of a guest: parsed by a schema before it is believed. */
import type { z } from "zod";
import { ProtocolBreak } from "./fault.js";

export function parseJson<T>(bytes: Buffer, schema: z.ZodType<T>, what: string): T {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString("utf8"));
  } catch (error) {
    throw new ProtocolBreak(`it sent ${what} that is not JSON`, { cause: error });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const field = parsed.error.issues[0]?.path.map(String).join(".").slice(0, 60) ?? "";
  throw new ProtocolBreak(
    `it sent ${what} of another shape (${field === "" ? "as a whole" : `field ${JSON.stringify(field)}`})`,
  );
}
