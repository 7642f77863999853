import { expect, test } from "vitest";
import { errorCatalogue, errorCodes } from "./errors.js";
import { AlcoveError, fromProblem, Problem, toProblem } from "./problem.js";

test.each(errorCodes)("%s crosses the wire and comes out as it went in", (code) => {
  const sent = new AlcoveError(code, "What was seen.", { field: "a.b", value: "7", hint: "Do this.", incidentId: "i" });
  const received = fromProblem(Problem.parse(JSON.parse(JSON.stringify(toProblem(sent)))));
  expect({ ...received, message: received.message }).toEqual({ ...sent, message: sent.message });
});

test.each(Object.entries(errorCatalogue))("%s has a status of an error, a sentence and a hint", (_code, kind) => {
  expect(kind.status).toBeGreaterThanOrEqual(400);
  expect(kind.status).toBeLessThan(600);
  expect(kind.sentence).toMatch(/^[A-Z].*\.$/);
  expect(kind.hint).toMatch(/^[A-Z].*\.$/);
});

test("a code that only a newer daemon knows keeps its sentence", () => {
  const error = fromProblem({ ...toProblem(new AlcoveError("Timeout", "Too late.")), code: "Novel" });
  expect(error).toMatchObject({ code: "InternalError", message: "Too late." });
});
