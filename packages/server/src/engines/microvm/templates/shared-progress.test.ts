import { expect, test } from "vitest";
import { SharedProgress } from "./shared-progress.js";

function ear() {
  const heard: string[] = [];
  return { heard, listen: (sentence: string, fraction: number) => void heard.push(`${sentence} ${fraction}`) };
}

test("who joins late is told how far it is, and then what follows, also where nobody listened before", () => {
  const progress = new SharedProgress();
  const maker = progress.follow("a", undefined);
  maker.tell("Booting", 0.1);
  const late = ear();
  const joined = progress.follow("a", late.listen);
  maker.tell("Saving", 0.8);
  expect(late.heard).toEqual(["Booting 0.1", "Saving 0.8"]);
  joined.leave();
  maker.tell("Done", 1);
  expect(late.heard).toHaveLength(2);
});

test("the work goes on telling when the one who began it leaves, and the next work begins with nothing", () => {
  const progress = new SharedProgress();
  const [first, second, other, next] = [ear(), ear(), ear(), ear()];
  const maker = progress.follow("a", first.listen);
  const joined = progress.follow("a", second.listen);
  progress.follow("b", other.listen);
  maker.leave();
  maker.tell("Saving", 0.8);
  joined.leave();
  progress.follow("a", next.listen);
  expect([first, second, other, next].map(({ heard }) => heard)).toEqual([[], ["Saving 0.8"], [], []]);
});
