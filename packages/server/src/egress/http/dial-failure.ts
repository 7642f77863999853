/** Why a server was not reached. The rule is what decisions name; the message is a sentence without a full stop, for the program. */
export class DialFailure extends Error {
  override readonly name = "DialFailure";
  readonly rule: DialFailureRule;

  constructor(rule: DialFailureRule, message: string, options?: ErrorOptions) {
    super(message, options);
    this.rule = rule;
  }
}

/**
 * - forbidden-address: the name has only addresses that nothing may be sent to
 * - no-route: the group has no route of the name, or it cannot be used on this host
 * - unresolved: the name has no address
 * - unreachable: refused, reset, or no answer in time
 * - bad-certificate: TLS failed, or the server's certificate is not valid for the name
 */
export type DialFailureRule = "forbidden-address" | "no-route" | "unresolved" | "unreachable" | "bad-certificate";
