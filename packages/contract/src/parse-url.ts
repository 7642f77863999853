/**
 * The URL, or undefined for what is none. Not by `URL.canParse`: Node 20's, once compiled, takes text of Latin-1 for UTF-8, so that `http://Ö/`
 * is a URL at first and none after some thousand calls, and other text the other way about (seen with 20.20).
 */
export function parseUrl(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}
