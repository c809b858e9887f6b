//! What russh asks the guard about: the host's key, the end of the connection, and channels that a host wants of us.

use russh::{
    Channel, ChannelOpenFailure,
    client::{ChannelOpenHandle, DisconnectReason, Handler, Msg, Session},
    keys::PublicKeyOrCertificate,
};

use super::{Guard, Refusal};

/// A host has no business with channels of its own making; russh would accept each of them by default. Each method is named with
/// the types of what it says about its channel.
macro_rules! turn_away {
    ($($method:ident($($detail:ty),*);)*) => {$(
        async fn $method(
            &mut self,
            _: Channel<Msg>,
            $(_: $detail,)*
            reply: ChannelOpenHandle,
            _: &mut Session,
        ) -> Result<(), Refusal> {
            reply.reject(ChannelOpenFailure::AdministrativelyProhibited).await;
            Ok(())
        }
    )*};
}

impl Handler for Guard {
    type Error = Refusal;

    async fn check_server_key(&mut self, offered: &PublicKeyOrCertificate) -> Result<bool, Refusal> {
        let judged = match offered {
            PublicKeyOrCertificate::PublicKey { key, .. } => self.check(key),
            PublicKeyOrCertificate::Certificate(certificate) => self.check_certificate(certificate),
        };
        judged.map(|()| true).map_err(Refusal::Ours)
    }

    async fn disconnected(&mut self, reason: DisconnectReason<Refusal>) -> Result<(), Refusal> {
        match reason {
            DisconnectReason::ReceivedDisconnect(info) => self.told.end(info.message),
            DisconnectReason::Error(Refusal::Russh(error)) => self.told.end(error),
            DisconnectReason::Error(Refusal::Ours(error)) => self.told.end(error),
        }
        Ok(())
    }

    turn_away! {
        server_channel_open_session();
        server_channel_open_agent_forward();
        server_channel_open_forwarded_tcpip(&str, u32, &str, u32);
        server_channel_open_forwarded_streamlocal(&str);
        server_channel_open_direct_tcpip(&str, u32, &str, u32);
        server_channel_open_direct_streamlocal(&str);
        server_channel_open_x11(&str, u32);
    }
}
