/** A row with this label has no loss and no gradient (−100 in PyTorch). */
export const IGNORED_LABEL = 0xFFFFFFFF;
