/** An image that is made, with its progress: a bar on a terminal, a line for each step elsewhere. */
import type { Image } from "@alcove/contract";
import type { Cli } from "../cli.js";

const barLength = 24;

export async function withImageProgress(
  cli: Cli,
  make: (options: { signal: AbortSignal; onProgress: (image: Image) => void }) => Promise<Image>,
): Promise<Image> {
  const onProgress = (image: Image) => {
    // Why it failed is the error's to say.
    if (image.state !== "Failed") cli.terminal.progress(progressLine(image));
  };
  try {
    return await make({ signal: cli.signal, onProgress });
  } finally {
    cli.terminal.endProgress();
  }
}

/** `[#####...................]  21 % Pulling 3.1 of 12.0 MiB`, without the bar where every line stays. */
export function progressLine({ message, progress }: Image, isTerminal = process.stderr.isTTY === true): string {
  const percent = `${Math.floor(progress * 100)} %`;
  if (!isTerminal) return `${message} (${percent})`;
  const filled = Math.round(progress * barLength);
  return `[${"#".repeat(filled)}${".".repeat(barLength - filled)}] ${percent.padStart(5)} ${message}`;
}
