/** Which program starts with a sandbox, by Docker's rules: what is asked for goes before what the image says. */

export interface AskedProgram {
  readonly entrypoint?: readonly string[] | undefined;
  readonly cmd?: readonly string[] | undefined;
}

export interface Program {
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
}

/** An image's cmd are the arguments of its own entrypoint: they do not follow another one. */
export function programOf(asked: AskedProgram, image: Program): Program {
  if (asked.entrypoint !== undefined) return { entrypoint: asked.entrypoint, cmd: asked.cmd ?? [] };
  return { entrypoint: image.entrypoint, cmd: asked.cmd ?? image.cmd };
}
