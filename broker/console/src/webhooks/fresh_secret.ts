import { shallowRef } from 'vue'

/** A secret that was just made, on its way to the one screen that shows it once: in no address, no history and no storage. */
export const freshSecret = shallowRef<{ id: string; secret: string } | null>(null)
