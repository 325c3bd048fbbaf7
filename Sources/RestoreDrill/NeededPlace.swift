public import Sanitizer

extension Manifest.Needed {
    /// The file that a person gives it in: a variable of config.yaml belongs in the dotenv file beside that.
    public var place: String {
        guard kind == .configuration else { return file }
        let folder = file.utf8.lastIndex(of: UInt8(ascii: "/")).map { file[...$0] } ?? ""
        return folder + ".env"
    }
}
