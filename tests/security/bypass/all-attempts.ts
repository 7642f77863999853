/** To add an attempt: a row in the file of its kind. Its name says what is done, its steps do it, its token must not get out. */
import { addressAttempts } from "./addresses.js";
import type { Attempt, Ground } from "./attempt.js";
import { disguiseAttempts } from "./disguises.js";
import { helloAttempts } from "./hellos.js";
import { nameAttempts } from "./names.js";
import { requestAttempts } from "./requests.js";
import { smugglingAttempts } from "./smuggling.js";

export function allAttempts(ground: Ground): Attempt[] {
  return [nameAttempts, addressAttempts, requestAttempts, smugglingAttempts, helloAttempts, disguiseAttempts].flatMap(
    (of) => of(ground),
  );
}
