/** What programs in a sandbox are given, however they are started. */
import * as z from "zod";

const noNul = (text: string) => !text.includes("\0");
export const Argument = z.string().max(131_072).refine(noNul, "must not hold a NUL byte");

/** A user's name, a uid, or uid:gid. */
export const UserName = z
  .string()
  .regex(/^(?:[a-z_][a-z0-9_-]{0,31}\$?|\d{1,10}(?::\d{1,10})?)$/, "must be a user name, a uid, or uid:gid");
