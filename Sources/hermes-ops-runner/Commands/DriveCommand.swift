internal import ArgumentParser
internal import DriveUpload
internal import Jobs
internal import Support

struct DriveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drive", abstract: "Set up the Google Drive side.", subcommands: [Folder.self])

    struct Folder: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Folders that this program's OAuth client can see.", subcommands: [Create.self])

        struct Create: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Make a folder, or find the one this program made earlier, and print its id.",
                discussion:
                    "A folder made in the browser is invisible under the scope drive.file: use this one's id in `stores:`."
            )

            @OptionGroup var options: GlobalOptions

            @Argument(help: "The folder's name.")
            var name: String

            @Option(help: ArgumentHelp("The declared credential to use.", valueName: "name"))
            var credential = "drive"

            @Option(help: ArgumentHelp("The id of the folder it goes into; default: My Drive.", valueName: "id"))
            var parent: String?

            func run() async throws {
                let session = Session(options)
                let configuration = try await session.configuration()
                let key = try await session.driveCredential(credential, in: configuration)
                let http = try session.client(configuration.network)
                let options = try session.driveOptions()
                let folder = try await Interruption.run("making the Drive folder") { [name, parent] in
                    try await DriveStore.createFolder(
                        name, parent: parent, credential: key, http: http, options: options)
                }
                try session.console.show(["id": folder.id, "name": folder.name]) { "\(folder.id)\n" }
            }
        }
    }
}
