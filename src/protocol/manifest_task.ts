/** A run's task, and what in a manifest goes with it. Both sides check the same. @module */

import { sha256Form } from "./hash.ts";
import {
  languageManifestKind,
  type ManifestKind,
  manifestKind,
  type RunManifest,
} from "./manifest.ts";
import { shown } from "./shown.ts";
import { languageTasks, type Task } from "./task.ts";

/** What a run trains: what its manifest says, and a classifier where it says nothing, as manifests of earlier versions do. */
export function taskOf({ task }: Pick<RunManifest, "task">): Task {
  return task ?? "classify";
}

/** The format in which a task's manifests are written: versions that know classifiers alone refuse another by its name. */
export function manifestKindOf(task: Task): ManifestKind {
  return task === "classify" ? manifestKind : languageManifestKind;
}

/** A part of a manifest that does not fit its task. */
export interface TaskFault {
  /** Its keys, parted by dots. */
  readonly path: string;
  /** As it follows "expected ". */
  readonly expected: string;
  /** As it follows "got ". */
  readonly got: string;
}

/** What {@linkcode taskFault} looks at. */
type TaskParts = Pick<RunManifest, "kind" | "task" | "labels" | "layout" | "model" | "method">;

/**
 * The first part of a manifest that does not fit its task; undefined where all do.
 *
 * A classifier has labels and a head. A language model has neither, and where it learns from conversations all clients render them alike.
 */
export function taskFault(manifest: TaskParts): TaskFault | undefined {
  const { kind, task, labels, layout: { head }, model: { chatTemplate }, method } = manifest;
  const fault = (path: string, expected: string, got: unknown) => ({
    path,
    expected,
    got: shown(got),
  });
  if (kind === manifestKind) {
    if (task !== undefined) return fault("task", `none in a manifest of kind "${kind}"`, task);
    if (labels.length < 2) return fault("labels", "at least 2", labels.length);
  } else {
    if (!(languageTasks as readonly unknown[]).includes(task)) {
      return fault("task", languageTasks.join(" or "), task);
    }
    if (labels.length > 0) return fault("labels", "none under a language model", labels.length);
    if (head.length > 0) return fault("layout.head", "none of a language model", head.length);
    if (method.method === "head") {
      return fault("method.method", "one that trains LoRA, as there is no head", method.method);
    }
  }
  if (task === "chat" ? isHash(chatTemplate) : chatTemplate === undefined) return undefined;
  const expected = task === "chat" ? "64 hexadecimal digits" : "none where no conversation is read";
  return fault("model.chatTemplate", expected, chatTemplate);
}

function isHash(value: unknown): boolean {
  return typeof value === "string" && sha256Form.test(value);
}
