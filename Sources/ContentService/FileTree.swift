// SPDX-License-Identifier: Apache-2.0

import Decisions
import Glibc
import Model

/// The files of an unpacked archive: regular files, and what symbolic links within the tree lead to.
struct FileTree {
    struct Entry: Hashable {
        /// Within the image.
        var path: String
        /// On the disk, without symbolic links.
        var file: String
        var bytes: Int64
    }

    private let root: String
    /// Walked so far: with links a few directories can be walked through in any number of ways.
    private var directories = 0
    private(set) var entries: [Entry] = []
    /// Names that no machine could ask for, and links that lead nowhere or out of the tree.
    private(set) var leftOut: [String] = []

    /// Throws `.failed` when a directory cannot be read, and when there is too much of it.
    init(root: String) throws(ImportFault) {
        guard let real = Self.real(root) else { throw .failed("\(root): \(String(cString: strerror(errno)))") }
        self.root = real
        try walk(real, within: "", above: [real])
    }

    /// `above`: the directories on the way here, so that a link to one of them ends the walk instead of going round.
    private mutating func walk(_ directory: String, within: String, above: Set<String>) throws(ImportFault) {
        directories += 1
        guard directories <= Limits.manifestFilesMax else {
            throw .failed("there are more than \(Limits.manifestFilesMax) ways through its directories")
        }
        guard let stream = opendir(directory) else {
            throw .failed("\(directory): \(String(cString: strerror(errno)))")
        }
        defer { closedir(stream) }
        while let entry = readdir(stream) {
            guard let name = Self.name(entry) else {
                leftOut.append(within + "?")
                continue
            }
            guard name != ".", name != ".." else { continue }
            try visit(directory + "/" + name, as: within + name, above: above)
        }
    }

    private mutating func visit(_ path: String, as name: String, above: Set<String>) throws(ImportFault) {
        guard (try? ContentPath("image/" + name)) != nil, let file = Self.real(path), isInside(file) else {
            leftOut.append(name)
            return
        }
        var status = stat()
        guard lstat(file, &status) == 0 else { throw .failed("\(name): \(String(cString: strerror(errno)))") }
        switch status.st_mode & S_IFMT {
        case S_IFREG:
            guard entries.count < Limits.manifestFilesMax else {
                throw .failed("it has more than \(Limits.manifestFilesMax) files")
            }
            entries.append(Entry(path: name, file: file, bytes: Int64(status.st_size)))
        case S_IFDIR where !above.contains(file):
            chmod(file, 0o755)
            try walk(file, within: name + "/", above: above.union([file]))
        default: break
        }
    }

    private func isInside(_ path: String) -> Bool { path == root || path.hasPrefix(root + "/") }

    private static func real(_ path: String) -> String? {
        guard let text = realpath(path, nil) else { return nil }
        defer { free(text) }
        return String(validatingCString: text)
    }

    /// Nil: not UTF-8.
    private static func name(_ entry: UnsafeMutablePointer<dirent>) -> String? {
        withUnsafePointer(to: &entry.pointee.d_name) { field in
            field.withMemoryRebound(to: CChar.self, capacity: 256) { String(validatingCString: $0) }
        }
    }
}
