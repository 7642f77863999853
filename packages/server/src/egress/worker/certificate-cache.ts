/** Certificates that the daemon issued: asked for once, however many connections wait for the same one, and kept for a part of their time. */
import type { TlsCertificate } from "../http/flow.js";

/** They are valid for days more. */
const keptMs = 24 * 3_600_000;
/** Of each group: what one has many of costs no other its own. */
const maximumKept = 1_000;

interface Kept {
  readonly until: number;
  readonly certificate: Promise<TlsCertificate>;
}

export class CertificateCache {
  readonly #groups = new Map<string, Map<string, Kept>>();

  get(group: string, host: string, issue: () => Promise<TlsCertificate>): Promise<TlsCertificate> {
    const ofGroup = this.#groups.get(group) ?? new Map<string, Kept>();
    this.#groups.set(group, ofGroup);
    const found = ofGroup.get(host);
    ofGroup.delete(host);
    const isGood = found !== undefined && found.until > performance.now();
    const kept = isGood ? found : { until: performance.now() + keptMs, certificate: issue() };
    ofGroup.set(host, kept);
    kept.certificate.catch(() => {
      if (ofGroup.get(host) === kept) ofGroup.delete(host);
    });
    const [oldest] = ofGroup.keys();
    if (ofGroup.size > maximumKept && oldest !== undefined) ofGroup.delete(oldest);
    return kept.certificate;
  }

  /** A group that gets the name of one that is gone has another authority. */
  forget(group: string): void {
    this.#groups.delete(group);
  }
}
