/** Adobe's form of an egress policy, `policy.network.egress`: hosts that may be reached, and of each which methods and paths. */
import * as z from "zod";
import { EgressMatch, type EgressPolicy, type EgressRule } from "./egress.js";

const AdobeEntry = z.strictObject({
  host: EgressMatch.shape.host,
  /** Left out: 443. */
  port: z.number().int().min(1).max(65_535).optional(),
  /** Left out or empty: everything. */
  rules: z
    .array(z.strictObject({ methods: EgressMatch.shape.methods, pathPattern: EgressMatch.shape.path }))
    .max(100)
    .optional(),
});

export const AdobeEgress = z.array(AdobeEntry).max(1_000).meta({ id: "AdobeEgress" });
export type AdobeEgress = z.infer<typeof AdobeEgress>;

/** Where Adobe's configuration of a sandbox has it. Other parts of that would go unheeded, and are none of this form. */
const AdobeConfiguration = z.strictObject({
  policy: z.strictObject({ network: z.strictObject({ egress: z.unknown() }) }),
});
const AdobePolicy = AdobeConfiguration.shape.policy;

/** The list in what somebody wrote, not judged, and where it stands there: bare, in `network.egress`, or in `policy.network.egress`. */
export function adobeEgressIn(
  value: unknown,
): { readonly entries: unknown; readonly place: readonly string[] } | undefined {
  if (Array.isArray(value)) return { entries: value, place: [] };
  const whole = AdobeConfiguration.safeParse(value).data;
  if (whole !== undefined) return { entries: whole.policy.network.egress, place: ["policy", "network", "egress"] };
  const policy = AdobePolicy.safeParse(value).data;
  return policy && { entries: policy.network.egress, place: ["network", "egress"] };
}

/**
 * The same as a policy that denies by default. Port 80 is plain HTTP and 443 TLS; another is TLS too where methods or paths are named,
 * else whatever is spoken there.
 */
export function fromAdobe(entries: AdobeEgress): EgressPolicy {
  const rules = entries.flatMap((entry, at) => {
    const named = entry.rules ?? [];
    return (named.length === 0 ? [{}] : named).map((rule, index) =>
      ruleOf(entry, rule, `egress-${at + 1}-${index + 1}`),
    );
  });
  return { defaultAction: "Deny", rules };
}

function ruleOf(
  { host, port = 443 }: z.infer<typeof AdobeEntry>,
  { methods, pathPattern }: NonNullable<z.infer<typeof AdobeEntry>["rules"]>[number],
  name: string,
): EgressRule {
  const isWhole = methods === undefined && pathPattern === undefined;
  const scheme = port === 80 ? "http" : port === 443 || !isWhole ? "https" : "any";
  return {
    name,
    match: {
      host,
      ports: [port],
      scheme,
      ...(methods && { methods }),
      ...(pathPattern !== undefined && { path: pathPattern }),
    },
    action: { type: "Allow" },
  };
}
