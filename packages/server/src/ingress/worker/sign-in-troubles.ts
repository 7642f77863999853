/** What is said to people who cannot sign in, or have not the right to come in. */
import type { Person } from "../../policy/ports/people.js";
import type { SignInFailure } from "../messages.js";
import { ownPaths } from "../sign-in-address.js";
import type { Trouble } from "./page.js";

export class SignInFailed extends Error {
  readonly failure: SignInFailure;

  constructor(failure: SignInFailure) {
    super(`signing in failed: ${failure}`);
    this.failure = failure;
  }
}

const again = "Open the preview's address again.";
const later = "Open the preview's address again, in a minute.";

const told: Readonly<Record<SignInFailure | "elsewhere", Trouble>> = {
  over: {
    status: 400,
    title: "This sign-in is over",
    detail: "It took too long, was used already, or is not of this preview.",
    hint: again,
  },
  elsewhere: {
    status: 403,
    title: "This sign-in was begun elsewhere",
    detail: "The browser that comes back is not the one that began, or keeps no cookies of this preview.",
    hint: `${again} Cookies of this host have to be allowed.`,
  },
  refused: {
    status: 403,
    title: "The provider did not sign you in",
    detail: "It sent you back without saying who you are.",
    hint: `${again} Where it goes on, ask whoever runs the provider whether this server may use it.`,
  },
  unavailable: {
    status: 503,
    title: "Nobody can sign in now",
    detail: "The provider with whom people sign in does not answer.",
    hint: `${later} The server's log says what the matter is.`,
  },
  failed: {
    status: 502,
    title: "The provider's answer is not valid",
    detail: "What it says of who you are does not hold.",
    hint: `${again} The server's log says what the matter is.`,
  },
  busy: {
    status: 503,
    title: "Too many people sign in",
    detail: "The server waits for the provider's answers about others.",
    hint: later,
  },
};

export function signInTrouble(failure: SignInFailure | "elsewhere"): Trouble {
  return told[failure];
}

export const signedOut: Trouble = {
  status: 200,
  title: "You are signed out of this preview",
  detail: "The provider may still know you: who opens the preview is signed in without being asked then.",
  hint: "To be asked who you are, sign in again here.",
  link: { href: ownPaths.signIn, text: "Sign in again" },
};

/** For programs, which are sent nowhere. */
export const notSignedIn: Trouble = {
  status: 401,
  title: "This preview is for people who sign in",
  detail: "Whoever comes signs in with a browser, in a tab of its own, or has a link that is valid, or a key.",
  hint: "Open its address in a browser. Programs send a key as `x-alcove-key: KEY`.",
  headers: { "www-authenticate": 'Bearer realm="alcove preview"' },
};

export function notListed({ subject, email }: Person): Trouble {
  const unverified = "; the provider does not say that an e-mail address of yours is verified";
  return {
    status: 403,
    title: "You may not open this preview",
    detail: `You are signed in as ${email ?? subject}${email === undefined ? unverified : ""}. The preview is for others.`,
    hint: `Ask its owner to let you in, by your address or as the subject ${subject}.`,
    link: { href: ownPaths.signIn, text: "Sign in as somebody else" },
  };
}
