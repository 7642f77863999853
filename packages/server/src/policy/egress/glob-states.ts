/**
 * A glob as a row of states: the state n means that n of its single characters were found, and a star is a loop at its state. The
 * states that are reached are bits, so that a character of the candidate moves all of them at once.
 *
 * So the time is in proportion to the two lengths, whatever the pattern: with a matcher that goes back and tries again, a policy's author
 * and what runs in a sandbox could together hold up the gateway for everybody.
 */
export interface GlobSyntax {
  readonly separator: string;
  /** `*` and `?` do not match separators; `**` always does. */
  readonly isStarBounded: boolean;
}

export interface GlobStates {
  matches(candidate: string): boolean;
  /** Whether everything that the other glob matches is matched; never true where it is not so. */
  covers(other: string): boolean;
}

/** A literal character, `?`, `*` or `**`. */
type Token = { readonly literal: string } | { readonly wildcard: "one" | "bounded" | "free" };

/** What a token does: the states that it moves on by one, and those that it leaves where they are. */
interface Step {
  readonly moves: Int32Array;
  readonly stays: Int32Array;
}

export function compileStates(glob: string, syntax: GlobSyntax): GlobStates {
  const { last, stepOf, stepOfWildcard } = stepsOf(tokensOf(glob, syntax), syntax);
  const states = new Int32Array((last >> 5) + 1);
  const begin = () => states.fill(0).fill(1, 0, 1);
  const isReached = () => ((states[last >> 5] ?? 0) & (1 << (last & 31))) !== 0;
  return {
    matches: (candidate) => {
      begin();
      for (let at = 0; at < candidate.length; at++) advance(states, stepOf(candidate.charAt(at)));
      return isReached();
    },
    covers: (other) => {
      begin();
      for (const token of tokensOf(other, syntax)) {
        advance(states, "literal" in token ? stepOf(token.literal) : stepOfWildcard[token.wildcard]);
      }
      return isReached();
    },
  };
}

function tokensOf(glob: string, { isStarBounded }: GlobSyntax): readonly Token[] {
  return (glob.match(/\*\*+|./gs) ?? []).map((text) => {
    if (text === "?") return { wildcard: "one" };
    if (!text.startsWith("*")) return { literal: text };
    return { wildcard: text === "*" && isStarBounded ? "bounded" : "free" };
  });
}

function stepsOf(tokens: readonly Token[], { separator, isStarBounded }: GlobSyntax) {
  const last = tokens.filter((token) => !isStar(token)).length;
  const none = () => new Int32Array((last >> 5) + 1);
  const [any, stars, free] = [none(), none(), none()];
  const literals = new Map([[separator, none()]]);
  let state = 0;
  for (const token of tokens) {
    if ("literal" in token) {
      const found = literals.get(token.literal) ?? none();
      literals.set(token.literal, found);
      mark(found, state++);
    } else if (token.wildcard === "one") mark(any, state++);
    else {
      mark(stars, state);
      if (token.wildcard === "free") mark(free, state);
    }
  }
  const other: Step = { moves: any, stays: stars };
  const steps = new Map<string, Step>();
  for (const [character, moves] of literals) {
    if (isStarBounded && character === separator) steps.set(character, { moves, stays: free });
    else steps.set(character, { moves: moves.map((word, at) => word | (any[at] ?? 0)), stays: stars });
  }
  return {
    last,
    stepOf: (character: string) => steps.get(character) ?? other,
    stepOfWildcard: { one: other, bounded: { moves: none(), stays: stars }, free: { moves: none(), stays: free } },
  };
}

function isStar(token: Token): boolean {
  return "wildcard" in token && token.wildcard !== "one";
}

function mark(states: Int32Array, state: number): void {
  states[state >> 5] = (states[state >> 5] ?? 0) | (1 << (state & 31));
}

/** From the highest word down, since each takes a bit from the one below as that was before. */
function advance(states: Int32Array, { moves, stays }: Step): void {
  for (let word = states.length - 1; word >= 0; word--) {
    const reached = states[word] ?? 0;
    const below = word === 0 ? 0 : (states[word - 1] ?? 0) & (moves[word - 1] ?? 0);
    states[word] = ((reached & (moves[word] ?? 0)) << 1) | (below >>> 31) | (reached & (stays[word] ?? 0));
  }
}
