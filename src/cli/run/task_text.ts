import type { Task } from "../../protocol/task.ts";

/** What a run trains, in two words: "20 labels", "language model". */
export function taskText(task: Task, labels: number): string {
  switch (task) {
    case "classify":
      return `${labels} labels`;
    case "lm":
      return "language model";
    case "chat":
      return "chat model";
    default:
      return task satisfies never;
  }
}

/** What a row of a task's data is, in the singular. */
export function rowNoun(task: Task): string {
  switch (task) {
    case "classify":
      return "row";
    case "lm":
      return "text";
    case "chat":
      return "conversation";
    default:
      return task satisfies never;
  }
}
