/** Whether `./dev soak` runs: then files that it shares with `./dev test` do all that they can. */
export declare const isLong: boolean;
/** Of a property that is tried with chosen cases: so many, or in long runs twenty times as many. */
export declare const casesOf: (count: number) => number;
