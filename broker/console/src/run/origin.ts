/** A scrape of /probe makes a run as well; a list shows those that somebody asked for, unless all are wanted. */
export const WITHOUT_SCRAPES = '-origin:prometheus'
/** The selector's word for everything. */
export const EVERY_RUN = 'all'
