// SPDX-License-Identifier: Apache-2.0

import APITypes
import ArgumentParser
import Model

public struct ContentAddCommand: ServerCommand {
    public static let configuration = CommandConfiguration(
        commandName: "add",
        abstract: "Bring in an image: from a URL, or from a file here.",
        discussion: """
            A node fetches or takes the file, checks it, unpacks it if it is to be, and publishes it under its name \
            in one step: until then, and when it fails, what stood there before is served. The other nodes then fetch \
            what they are to hold.

              ondeck content add debian-12 --url https://mirror.example/debian-12/netboot.tar.gz
              ondeck content add rescue --file ./rescue.iso --unpack iso --placement copies=2
              ondeck content add memtest --file memtest86+x64.efi --sha256 9f86d081884c7d65...
              ondeck content add big --url http://mirror.example/big.tar --no-wait

            A URL names one file, not a page or a directory. A file that is not unpacked is the image's only one, by \
            its own name: memtest/memtest86+x64.efi.

            With https the node must know who signs the server's certificate: the system's authorities, and those in \
            content-store: { ca: FILE } of its ondeck.yaml. A proxy is named by its environment: https_proxy.

            A break is waited out, and the rest is sent after it; the same command once more goes on where it was, and \
            does nothing when the image is that file already. Ctrl-C ends an upload for now, but not an import that \
            has begun: that is the server's.
            """)

    @Argument(help: "The image's name: the first part of its files' names.")
    var name: String

    @Option(help: ArgumentHelp("Where a node fetches the file: http or https.", valueName: "url"))
    var url: String?

    @Option(
        help: ArgumentHelp("A file on this machine; it is sent to the server.", valueName: "path"), completion: .file())
    var file: String?

    @Option(help: ArgumentHelp("What the file's SHA-256 must be: 64 hex digits.", valueName: "hex"))
    var sha256: String?

    @Option(help: "What the file is unpacked as. (default: by the end of its name; none for other names)")
    var unpack: Unpacking?

    @Option(
        help: ArgumentHelp(
            "Where it is kept: \(PlacementArgument.forms). (default: as it is, and everywhere for a new one)",
            valueName: "where"))
    var placement: PlacementArgument?

    @Flag(help: "Return when the server has begun, not when it is done.")
    var noWait = false

    @OptionGroup var show: ShowOptions
    var connection: ConnectionOptions { show.connection }

    public init() {}

    public func validate() throws {
        guard ObjectNames.isValid(name) else { throw ValidationError("\"\(name)\" is not a name: \(ObjectNames.rule)") }
        guard !ContentSets.reservedNames.contains(name) else {
            throw ValidationError("an image cannot be called \(name): OnDeck serves something else there")
        }
        if let sha256, Digest(sha256) == nil {
            throw ValidationError("--sha256 takes 64 hex digits, as sha256sum writes them")
        }
        if let url, let error = SourceURL.error(url) {
            throw ValidationError("--url \(error.message)" + (error.hint.map { ": \($0)" } ?? ""))
        }
        switch (url, file) {
        case (_?, _?): throw ValidationError("--url and --file are two sources; name one")
        case (nil, nil):
            if case .central = placement?.placement { return }
            let hint =
                placement == nil ? "" : "; where an image is kept is changed by: ondeck set image \(name) placement=..."
            throw ValidationError("name --url or --file: where the image comes from\(hint)")
        case (_?, nil), (nil, _?): break
        }
    }

    func run(_ client: APIClient, _ terminal: Terminal) async throws {
        let source = try file.map { path throws(CommandError) in try SourceFile(path: path) }
        if let placement {
            let body: FieldValue = ["placement": placement.field]
            _ = try await client.send(.put, ["api", "v1", "images", name], body: body)
        }
        let adding = ContentAdding(client: client, terminal: terminal, name: name)
        let image: ImageReport
        if let source {
            image = try await adding.add(source, sha256: sha256.flatMap { Digest($0) }, unpack: unpack, waits: !noWait)
        } else if let url {
            image = try await adding.start(ImportRequest(url: url, sha256: sha256, unpack: unpack), waits: !noWait)
        } else {
            guard show.output == .table else { return }
            return terminal.line(printable("machines get \(name) from \(placement?.placement.summary ?? "elsewhere")"))
        }
        switch show.output {
        case .json: try terminal.show(report: image, as: .json)
        case .yaml: try terminal.show(report: image, as: .yaml)
        case .table: terminal.lines(ContentText.added(image))
        }
    }
}
