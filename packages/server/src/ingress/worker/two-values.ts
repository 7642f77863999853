/** An answer with a header twice, in a protocol that takes it once. */
export class TwoValues extends Error {
  readonly header: string;

  constructor(header: string) {
    super(`two values of ${header}`);
    this.header = header;
  }
}
