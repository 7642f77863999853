/** Where things are in this checkout. */
import { fileURLToPath } from "node:url";

export const checkout = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");
export const buildDirectory = `${checkout}/build`;
export const guestDirectory = process.env.ALCOVE_GUEST_DIR ?? `${buildDirectory}/guest`;
/** Downloads and unpacked packages; safe to delete. */
export const cacheDirectory = `${buildDirectory}/cache`;
