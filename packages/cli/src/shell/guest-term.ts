/** What programs in the sandbox are told of the terminal they are shown in. */

/** Entries that guests have, where they have any: those of ncurses-base. */
const known =
  /^(?:xterm(?:-(?:mono|color|256color|r5|r6|vt220|xfree86))?|screen(?:[.-].*)?|tmux(?:-.*)?|rxvt(?:-.*)?|linux|vt[12]\d\d|ansi|dumb|putty)$/;
const understood = "xterm-256color";
const passedOn = ["COLORTERM", "LANG", "LC_ALL", "LC_CTYPE", "NO_COLOR"] as const;

/** A terminal of another kind passes for an xterm, which nearly all of them understand. Of languages only how they are written: others are not installed there. */
export function terminalEnvironment(own: NodeJS.ProcessEnv): Record<string, string> {
  const term = own.TERM ?? understood;
  const environment: Record<string, string> = { TERM: known.test(term) ? term : understood };
  for (const name of passedOn) {
    const value = own[name];
    if (value === undefined || value === "") continue;
    if (!isLocale(name)) environment[name] = value;
    else if (/^C\.(?:UTF-8|utf8)$/.test(value)) environment[name] = value;
  }
  return environment;
}

function isLocale(name: string): boolean {
  return name.startsWith("L");
}
