/** For objects of the hottest paths, while they are being filled in. */
export type Mutable<T> = { -readonly [K in keyof T]: T[K] };
