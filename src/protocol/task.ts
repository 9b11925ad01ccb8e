/** What a model can be trained for. @module */

/** All of it, in the order users see them. */
export const tasks = ["classify", "lm", "chat"] as const;

/** `classify`: a label for each text; `lm`: the next token of texts; `chat`: the assistant's replies in conversations. */
export type Task = typeof tasks[number];

/** The tasks of a language model: there are no labels, and nothing but LoRA is trained. */
export const languageTasks = ["lm", "chat"] as const satisfies readonly Task[];

/** One of them. */
export type LanguageTask = typeof languageTasks[number];
