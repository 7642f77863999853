/** The fake guest's shell grammar: lists, pipelines, redirections, groups, if, while and for. */
import { ShellSyntaxError, type Token, tokenize, type Word } from "./shell-words.js";

export type Command =
  | { readonly kind: "simple"; readonly words: readonly Word[]; readonly redirects: readonly Redirect[] }
  | { readonly kind: "pipe"; readonly parts: readonly Command[] }
  | { readonly kind: "and" | "or"; readonly left: Command; readonly right: Command }
  | { readonly kind: "list"; readonly items: readonly { readonly command: Command; readonly isBackground: boolean }[] }
  | { readonly kind: "while"; readonly condition: Command; readonly body: Command }
  | { readonly kind: "for"; readonly name: string; readonly words: readonly Word[]; readonly body: Command }
  | { readonly kind: "if"; readonly condition: Command; readonly body: Command; readonly otherwise?: Command };

export interface Redirect {
  readonly operator: string;
  readonly target?: Word;
}

export function parseShell(script: string): Command {
  const parser = new Parser(tokenize(script));
  const command = parser.list([]);
  parser.expectEnd();
  return command;
}

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  expectEnd(): void {
    if (this.#at < this.#tokens.length) this.#fail();
  }

  /** Commands up to one of the closing words. */
  list(closing: readonly string[]): Command {
    const items: { command: Command; isBackground: boolean }[] = [];
    for (;;) {
      while (this.#takeOperator(";", "\n") !== undefined);
      if (this.#at >= this.#tokens.length || this.#nextIs(closing)) return { kind: "list", items };
      const command = this.#andOr();
      items.push({ command, isBackground: this.#takeOperator("&") !== undefined });
    }
  }

  #andOr(): Command {
    let left = this.#pipe();
    for (;;) {
      const operator = this.#takeOperator("&&", "||");
      if (operator === undefined) return left;
      left = { kind: operator === "&&" ? "and" : "or", left, right: this.#pipe() };
    }
  }

  #pipe(): Command {
    const parts = [this.#command()];
    while (this.#takeOperator("|") !== undefined) parts.push(this.#command());
    return parts.length === 1 && parts[0] ? parts[0] : { kind: "pipe", parts };
  }

  #command(): Command {
    if (this.#takeKeyword("while")) return this.#while();
    if (this.#takeKeyword("for")) return this.#for();
    if (this.#takeKeyword("if")) return this.#if();
    if (this.#takeKeyword("{")) return this.#group("}");
    if (this.#takeOperator("(") !== undefined) return this.#group(")");
    return this.#simple();
  }

  #while(): Command {
    const condition = this.#until("do");
    return { kind: "while", condition, body: this.#until("done") };
  }

  #for(): Command {
    const name = this.#plain(this.#takeWord());
    const words: Word[] = [];
    if (!this.#takeKeyword("in")) this.#fail();
    while (this.#peekWord() !== undefined) words.push(this.#takeWord());
    while (this.#takeOperator(";", "\n") !== undefined);
    if (!this.#takeKeyword("do")) this.#fail();
    return { kind: "for", name, words, body: this.#until("done") };
  }

  #if(): Command {
    const condition = this.#until("then");
    const body = this.list(["else", "fi"]);
    const otherwise = this.#takeKeyword("else") ? this.list(["fi"]) : undefined;
    if (!this.#takeKeyword("fi")) this.#fail();
    return { kind: "if", condition, body, ...(otherwise && { otherwise }) };
  }

  #group(end: string): Command {
    return this.#until(end);
  }

  #until(end: string): Command {
    const list = this.list([end]);
    if (!this.#takeKeyword(end) && this.#takeOperator(end) === undefined) this.#fail();
    return list;
  }

  #simple(): Command {
    const words: Word[] = [];
    const redirects: Redirect[] = [];
    for (;;) {
      const operator = this.#takeOperator("2>&1", "1>&2", ">&2", ">>", "2>>", "2>", ">", "<");
      if (operator !== undefined)
        redirects.push(operator.includes("&") ? { operator } : { operator, target: this.#takeWord() });
      else if (this.#peekWord() !== undefined) words.push(this.#takeWord());
      else break;
    }
    if (words.length === 0 && redirects.length === 0) this.#fail();
    return { kind: "simple", words, redirects };
  }

  #nextIs(closing: readonly string[]): boolean {
    const token = this.#tokens[this.#at];
    if (token === undefined) return false;
    return closing.includes("operator" in token ? token.operator : this.#plain(token.word));
  }

  #takeOperator(...wanted: string[]): string | undefined {
    const token = this.#tokens[this.#at];
    if (token === undefined || !("operator" in token) || !wanted.includes(token.operator)) return undefined;
    this.#at++;
    return token.operator;
  }

  #takeKeyword(keyword: string): boolean {
    const word = this.#peekWord();
    if (word === undefined || this.#plain(word) !== keyword) return false;
    this.#at++;
    return true;
  }

  #peekWord(): Word | undefined {
    const token = this.#tokens[this.#at];
    return token !== undefined && "word" in token ? token.word : undefined;
  }

  #takeWord(): Word {
    const word = this.#peekWord();
    if (word === undefined) return this.#fail();
    this.#at++;
    return word;
  }

  /** The text of a word without quotes or variables; keywords are such words. */
  #plain(word: Word): string {
    return word.map((part) => (part.kind === "text" && !part.isQuoted ? part.text : "\0")).join("");
  }

  #fail(): never {
    const token = this.#tokens[this.#at];
    const seen = token === undefined ? "end of file" : "operator" in token ? JSON.stringify(token.operator) : "word";
    throw new ShellSyntaxError(`Syntax error: ${seen} unexpected`);
  }
}
