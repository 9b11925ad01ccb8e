/** A study's file on the disk, and the paths in it. @module */

import { dirname, resolve } from "node:path";
import { readStudy } from "../../study/read_study.ts";
import type { Study, StudySettings } from "../../study/study.ts";
import { decodeText } from "../../data/rows.ts";
import { parseDistinct } from "../parse_distinct.ts";
import { isHubId, readFile } from "../sources.ts";

/**
 * Reads a study. The paths in it, relative to its folder, are made absolute.
 *
 * @throws UserError when there is no such file, or an entry of it is not what it should be.
 */
export async function readStudyFile(path: string): Promise<Study> {
  const value = parseDistinct(decodeText(path, await readFile(path)), `study "${path}"`);
  const folder = dirname(path);
  return await mapSettings(readStudy(value), (settings) => locate(settings, folder));
}

/** A study with the settings of every level changed by a function. */
export async function mapSettings(
  study: Study,
  change: (settings: StudySettings) => Promise<StudySettings> | StudySettings,
): Promise<Study> {
  const { settings, cells, methods, tuning } = study;
  return {
    ...study,
    settings: await change(settings),
    cells: await mapValues(cells, change),
    methods: await mapValues(methods, change),
    ...(tuning && {
      tuning: {
        ...tuning,
        settings: await change(tuning.settings),
        trials: await Promise.all(tuning.trials.map(change)),
      },
    }),
  };
}

async function mapValues(
  named: Readonly<Record<string, StudySettings>>,
  change: (settings: StudySettings) => Promise<StudySettings> | StudySettings,
): Promise<Record<string, StudySettings>> {
  const entries = Object.entries(named).map(async ([name, settings]) =>
    [name, await change(settings)] as const
  );
  return Object.fromEntries(await Promise.all(entries));
}

async function locate(settings: StudySettings, folder: string): Promise<StudySettings> {
  const { data, model, labels } = settings;
  return {
    ...settings,
    ...(typeof data === "string" && { data: resolve(folder, data) }),
    ...(typeof labels === "string" && { labels: resolve(folder, labels) }),
    ...(typeof model === "string" && { model: await locateModel(model, folder) }),
  };
}

/** A hub id stays as it is, unless a folder beside the study has its name. */
async function locateModel(model: string, folder: string): Promise<string> {
  const path = resolve(folder, model);
  const there = await Deno.stat(path).then(() => true, () => false);
  return there || !isHubId(model) ? path : model;
}
