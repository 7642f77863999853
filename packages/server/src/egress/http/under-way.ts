/** A request, or a question about one, that the policy has let begin. */
export interface UnderWay {
  /** Breaks it off, where the policy does not let it go on. */
  recheck(): void;
}
