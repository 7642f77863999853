/** Whether `./dev soak` runs: then files that it shares with `./dev test` do all that they can. */
export const isLong = process.env.ALCOVE_TEST_LONG === "1";
