/** A value that a rule names could not be had. The message is half a sentence without a full stop, for the program: without the value. */
export class ValueFailure extends Error {
  override readonly name = "ValueFailure";
  /** What to do about it, a sentence. */
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}
