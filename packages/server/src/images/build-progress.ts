/** What mmdebstrap's output says about how far a build is. */

export interface BuildStep {
  readonly message: string;
  /** 0 to 1. */
  readonly progress: number;
}

/** In the order in which they come, with the share of the whole that lies before each; measured on the debian image. */
const phases: readonly (readonly [RegExp, string, number])[] = [
  [/^I: running apt-get update/, "Reading the package lists", 0.02],
  [/^I: downloading packages/, "Downloading packages", 0.05],
  [/^I: extracting archives/, "Unpacking the base system", 0.12],
  [/^I: installing essential packages/, "Setting up the base system", 0.25],
  [/^I: installing remaining packages/, "Installing packages", 0.4],
  [/^I: cleaning package lists/, "Cleaning up", 0.7],
  [/^I: creating tarball/, "Packing the file tree", 0.73],
];

/** Where the disk begins to be made. */
export const diskProgress = 0.78;
const settingUp = /^Setting up (?<package>\S+) /;

/** The step that a line of output begins; undefined when it begins none. */
export function stepOf(line: string, current: BuildStep): BuildStep | undefined {
  const phase = phases.find(([pattern]) => pattern.test(line));
  if (phase !== undefined) return { message: phase[1], progress: phase[2] };
  const name = settingUp.exec(line)?.groups?.package;
  if (name === undefined) return undefined;
  return { message: `Setting up ${name}`, progress: creep(current.progress) };
}

/** The number of packages is not known: each one takes a little of what is left before the next phase. */
function creep(progress: number): number {
  const next = phases.find(([, , start]) => start > progress)?.[2] ?? 1;
  return progress + (next - progress) * 0.04;
}
