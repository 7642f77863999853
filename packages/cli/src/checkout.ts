/** What lies in the checkout beside the CLI. This module and the CLI as one file are in the same directory. */
import { fileURLToPath } from "node:url";

/** Kernel, initramfs and agent of the guests, as `./dev build` makes them. */
export const guestDirectory = fileURLToPath(new URL("../../../build/guest", import.meta.url));
