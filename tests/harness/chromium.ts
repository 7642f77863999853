/** Debian's chromium. */
import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

const program = ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find(existsSync);

export const hasChromium = program !== undefined;

export async function startChromium(more: readonly string[] = []): Promise<Browser> {
  return await chromium.launch({ executablePath: program ?? "", args: ["--no-sandbox", "--disable-gpu", ...more] });
}
