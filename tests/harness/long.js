/** Whether `./dev soak` runs: then files that it shares with `./dev test` do all that they can. */
export const isLong = process.env.ALCOVE_TEST_LONG === "1";
/** Of a property that is tried with chosen cases: so many, or in long runs twenty times as many. */
export const casesOf = (count) => (isLong ? 20 * count : count);
//# sourceMappingURL=long.js.map