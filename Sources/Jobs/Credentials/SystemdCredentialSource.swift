internal import Support
public import SystemPackage

/// The file that the units load a `{ systemd: NAME }` credential from: `NAME` in the folder `credentials` beside the configuration,
/// or for system units `NAME.cred` there, as made by `systemd-creds encrypt --name=NAME`.
public struct SystemdCredentialSource: Sendable, Hashable {
    public var path: FilePath
    public var isEncrypted: Bool

    /// - Parameter isSystem: of the system's manager, which alone can open encrypted ones before systemd 257.
    public init(_ name: String, in folder: FilePath, isSystem: Bool) {
        let encrypted = folder.appending("\(name).cred")
        isEncrypted = isSystem && (try? FileStatus(at: encrypted)) != nil
        path = isEncrypted ? encrypted : folder.appending(name)
    }

    public static func folder(beside configuration: FilePath) -> FilePath {
        configuration.removingLastComponent().appending("credentials")
    }
}
