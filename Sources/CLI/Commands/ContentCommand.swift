// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

public struct ContentCommand: AsyncParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "content",
        abstract: "Bring in the files that machines boot from, and see where they are.",
        discussion: """
            An image is a name, such as debian-12, under which files are served: debian-12/linux. Its files are kept \
            by their digests, verified, on the nodes that its placement says. Directories that ondeck.yaml names under \
            'content' are served beside images, by that node only; an image counts before a directory of its name.

              ondeck content add debian-12 --url https://mirror.example/netboot.tar.gz
              ondeck content list
              ondeck content where
              ondeck set image debian-12 placement.copies=2
            """,
        subcommands: [
            ContentAddCommand.self, ContentListCommand.self, ContentShowCommand.self, ContentWhereCommand.self,
            ContentGarbageCommand.self, ContentRemoveCommand.self,
        ],
        defaultSubcommand: ContentListCommand.self)

    public init() {}
}
