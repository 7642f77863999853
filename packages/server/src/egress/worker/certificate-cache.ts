/** Certificates that the daemon issued: asked for once, however many connections wait for the same one, and kept for a part of their time. */
import type { TlsCertificate } from "../http/flow.js";

/** They are valid for days more. */
const keptMs = 24 * 3_600_000;
const maximumKept = 1_000;

export class CertificateCache {
  readonly #kept = new Map<string, { readonly until: number; readonly certificate: Promise<TlsCertificate> }>();

  get(group: string, host: string, issue: () => Promise<TlsCertificate>): Promise<TlsCertificate> {
    const key = `${group} ${host}`;
    const found = this.#kept.get(key);
    this.#kept.delete(key);
    const isGood = found !== undefined && found.until > performance.now();
    const kept = isGood ? found : { until: performance.now() + keptMs, certificate: issue() };
    this.#kept.set(key, kept);
    kept.certificate.catch(() => {
      if (this.#kept.get(key) === kept) this.#kept.delete(key);
    });
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > maximumKept && oldest !== undefined) this.#kept.delete(oldest);
    return kept.certificate;
  }

  /** A group that gets the name of one that is gone has another authority. */
  forget(group: string): void {
    for (const key of this.#kept.keys()) if (key.startsWith(`${group} `)) this.#kept.delete(key);
  }
}
