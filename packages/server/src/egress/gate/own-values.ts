/** What a sandbox does not see and its requests have: secrets and tokens, where they may go, and what takes them out of answers. */
import { nameOfSecret, sourceOf, type ValueRef } from "@alcove/contract";
import type { EchoFilter } from "../echoes/echo-filter.js";
import { HiddenValues } from "../echoes/hidden-values.js";
import type { EgressSettings } from "../gateway.js";
import type { ValueOf } from "../http/flow.js";
import type { PlacedValue } from "../http/placed-values.js";
import { ValueFailure } from "../http/value-failure.js";
import type { TokenSource } from "../identity/token-source.js";
import { headerValue } from "./header-value.js";
import { Placeholders } from "./placeholders.js";
import { SecretValues } from "./secret-values.js";

export class OwnValues {
  readonly #tokens: TokenSource;
  readonly #hidden = new HiddenValues();
  #secrets = new SecretValues({});
  #placeholders: Placeholders;
  #hasIdentity = false;

  constructor(tokens: TokenSource, settings: EgressSettings) {
    this.#tokens = tokens;
    this.#placeholders = new Placeholders(settings);
  }

  apply(settings: EgressSettings): void {
    this.#secrets = new SecretValues(settings);
    this.#placeholders = new Placeholders(settings);
    this.#hidden.setSecrets(settings.secrets ?? {});
    this.#hasIdentity = settings.identity !== undefined;
    this.#tokens.clear();
  }

  /** Waits for the tokens among these. Secrets are looked up only when they are sent: they may be others by then. @throws ValueFailure */
  async ready(refs: readonly ValueRef[]): Promise<ValueOf> {
    const resources = refs.flatMap(({ managedIdentityRef }) => managedIdentityRef?.resource ?? []);
    const tokens = new Map(await Promise.all(resources.map(async (one) => [one, await this.#token(one)] as const)));
    return (ref, host) => this.#valueOf(ref, { host, tokens });
  }

  placeholdersAreFor(host: string): boolean {
    return this.#placeholders.areFor(host);
  }

  placed(host: string): readonly PlacedValue[] {
    return this.#placeholders.valuesFor(host);
  }

  filter(): EchoFilter | undefined {
    return this.#hidden.filter();
  }

  #valueOf(ref: ValueRef, { host, tokens }: { host: string; tokens: ReadonlyMap<string, string> }): string {
    const source = sourceOf(ref);
    const { secretRef, managedIdentityRef } = ref;
    if (secretRef !== undefined)
      return headerValue(this.#secrets.valueFor(nameOfSecret(secretRef), host), source, secretRef.format);
    const { resource = "", format = "Bearer {value}" } = managedIdentityRef ?? {};
    const token = tokens.get(resource);
    if (token === undefined || !this.#hasIdentity) throw noIdentity();
    this.#hidden.addToken(token);
    return headerValue(token, source, format);
  }

  /** @throws ValueFailure, a TokenFailure mostly */
  async #token(resource: string): Promise<string> {
    if (!this.#hasIdentity) throw noIdentity();
    return (await this.#tokens.get(resource)).value;
  }
}

function noIdentity(): ValueFailure {
  return new ValueFailure("the group has no identity", "The group's owner has to say whom its tokens may be for.");
}
