/** A value as a header can have it: of a secret, or of a token, put into what the rule says around it. */
import { ValueFailure } from "../http/value-failure.js";

/** Servers take few that are longer. */
const longest = 16_384;

const oneLine =
  "The group's owner has to set it again, as one line of printable ASCII; look at the end of the file that it was set from.";

/** `source` names the value in sentences, which never have the value itself. @throws ValueFailure */
export function headerValue(value: string, source: string, format = "{value}"): string {
  const result = format.replace("{value}", () => value);
  if (result.length > longest)
    throw new ValueFailure(`${source} is longer than the ${longest} characters of a header`, "It has to be shorter.");
  if (/^[!-~](?:[\t -~]*[!-~])?$/.test(result)) return result;
  if (value === "") throw new ValueFailure(`${source} is empty`, "The group's owner has to set it to a value.");
  const what = /[\r\n]/.test(value) ? "a line break" : "spaces around it, or characters that are not printable ASCII";
  throw new ValueFailure(`${source} cannot be a header's value: it has ${what}`, oneLine);
}
