// SPDX-License-Identifier: Apache-2.0

/// The first part of a file's name on the boot plane: an image, or a set of directories.
public enum ContentSets {
    /// What OnDeck serves itself stands under these; no image and no set can be called so.
    public static let reservedNames: Set<String> = ["b", "c", "probe", "api", "livez", "readyz", "metrics"]
}
