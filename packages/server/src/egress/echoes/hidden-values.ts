/** The values that a sandbox is not to see in answers, and what takes them out. */
import { type Decoding, EchoFilter } from "./echo-filter.js";
import { writtenForms } from "./written-forms.js";

/** Tokens come anew all the time, and secrets are changed: the oldest are long invalid. */
const mostOthers = 64;

export class HiddenValues {
  readonly #decoding: Decoding = { brotlis: 0 };
  /** Tokens, and what secrets were before: servers may know it for a while yet. */
  readonly #others = new Set<string>();
  #secrets: readonly string[] = [];
  /** Undefined: to be made; none: there is nothing to hide. */
  #filter: EchoFilter | "none" | undefined = "none";

  setSecrets(secrets: Readonly<Record<string, string>>): void {
    const before = this.#secrets;
    this.#secrets = Object.values(secrets);
    for (const value of before) if (!this.#secrets.includes(value)) this.#addOther(value);
    this.#filter = undefined;
  }

  /** One that is put into requests, beside the secrets. */
  addToken(token: string): void {
    this.#addOther(token);
  }

  /** Undefined where there is nothing to take out. */
  filter(): EchoFilter | undefined {
    this.#filter ??= this.#made();
    return this.#filter === "none" ? undefined : this.#filter;
  }

  #made(): EchoFilter | "none" {
    const forms = [...this.#secrets, ...this.#others].flatMap(writtenForms);
    return forms.length === 0 ? "none" : new EchoFilter(forms, this.#decoding);
  }

  #addOther(value: string): void {
    if (this.#others.has(value)) return;
    const [oldest] = this.#others;
    if (this.#others.size >= mostOthers && oldest !== undefined) this.#others.delete(oldest);
    this.#others.add(value);
    this.#filter = undefined;
  }
}
