internal import Support
internal import SystemPackage

/// Says that the work tree was written, and during which boot of the machine.
///
/// Objects, branch and journal are synced, the thousands of files of a work tree are not: a power cut may leave some of them empty,
/// shorter, or with zeros in them, and their stamps right. The first run after the machine's next start therefore looks at the
/// content of every file, and writes again what was lost.
enum UnsyncedMark {
    private static func path(in state: FilePath) -> FilePath { state.appending("written") }

    /// Durable when it returns, which is before the last trace of the update in the journal goes.
    static func set(in state: FilePath) throws {
        let boot = Array((ProcessIdentity.currentBootID + "\n").utf8)
        guard read(in: state) != boot else { return }
        try FileSystem.replace(path(in: state), with: boot)
    }

    /// Whether the machine was started since the work tree was written. A boot that has no id counts as another one.
    static func isOfEarlierBoot(in state: FilePath) -> Bool {
        guard let boot = read(in: state) else { return false }
        return ProcessIdentity.currentBootID.isEmpty || boot != Array((ProcessIdentity.currentBootID + "\n").utf8)
    }

    static func remove(in state: FilePath) throws { try FileSystem.removeTree(path(in: state)) }

    private static func read(in state: FilePath) -> [UInt8]? { try? FileSystem.read(path(in: state), limit: 100) }
}
