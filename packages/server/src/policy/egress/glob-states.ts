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
  const isStar = (token: Token) => "wildcard" in token && token.wildcard !== "one";
  const last = tokens.filter((token) => !isStar(token)).length;
  const statesWhere = (isWanted: (token: Token) => boolean) => {
    const found = new Int32Array((last >> 5) + 1);
    let state = 0;
    for (const token of tokens) {
      if (isWanted(token)) found[state >> 5] = (found[state >> 5] ?? 0) | (1 << (state & 31));
      if (!isStar(token)) state++;
    }
    return found;
  };
  const any = statesWhere((token) => "wildcard" in token && token.wildcard === "one");
  const free = statesWhere((token) => "wildcard" in token && token.wildcard === "free");
  const stars = statesWhere(isStar);
  const none = statesWhere(() => false);
  const steps = new Map<string, Step>();
  const isBoundary = (character: string) => isStarBounded && character === separator;
  for (const character of [separator, ...tokens.flatMap((token) => ("literal" in token ? [token.literal] : []))]) {
    const moves = statesWhere((token) =>
      "literal" in token ? token.literal === character : token.wildcard === "one" && !isBoundary(character),
    );
    steps.set(character, { moves, stays: isBoundary(character) ? free : stars });
  }
  const other: Step = { moves: any, stays: stars };
  return {
    last,
    stepOf: (character: string) => steps.get(character) ?? other,
    stepOfWildcard: { one: other, bounded: { moves: none, stays: stars }, free: { moves: none, stays: free } },
  };
}

/** From the highest word down, since each takes a bit from the one below as that was before. */
function advance(states: Int32Array, { moves, stays }: Step): void {
  for (let word = states.length - 1; word >= 0; word--) {
    const reached = states[word] ?? 0;
    const below = word === 0 ? 0 : (states[word - 1] ?? 0) & (moves[word - 1] ?? 0);
    states[word] = ((reached & (moves[word] ?? 0)) << 1) | (below >>> 31) | (reached & (stays[word] ?? 0));
  }
}
