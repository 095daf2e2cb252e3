/**
 * For `accept` of what chooses files: what the server takes, by types and by endings that systems know no type of.
 * A telephone that is asked for JPEG gives one, whatever it keeps its pictures as.
 */
export const ACCEPTED_FILES = "image/jpeg,image/png,image/webp,image/gif,application/pdf,text/plain,text/csv,.txt,.text,.log,.csv";
