"""The course of a scripted chat: bot, queue, agents, transfers, and how it ends."""

from __future__ import annotations

from local.scripted.contact_center import Agent, Queue, pick_agent, pick_queue
from local.scripted.draft import Member
from local.scripted.scene import Scene
from local.scripted.speech import PLAIN, Speech, Words, pick

_BURSTS = (1, 1, 1, 1, 1, 1, 1, 2, 2, 3, 4)
_ATTACHMENT_SHARE = 0.012
_CUSTOMER_REPLY_S = 28
_CUSTOMER_READ_S = 4
_NEXT_LINE_S = 5
_HOURS_LATER_SHARE = 0.004
_HOURS_LATER_FACTOR = 150
_IDLE_AFTER_MS = 300_000


class Conversation:
    """The people of one chat and what they do in its scene."""

    def __init__(self, scene: Scene) -> None:
        traits = scene.traits
        self.scene = scene
        self.rng = scene.rng
        self.traits = traits
        self.speech = Speech(scene.rng, traits.language, markdown=traits.markdown)
        self.flow = scene.enter("SYSTEM", "SYSTEM_MESSAGE")
        scene.wait(0.6, 0.5)
        read_s = _CUSTOMER_READ_S * traits.customer_pace if traits.customer_receipts else None
        skew_ms = traits.customer_skew_ms
        self.customer = scene.join("CUSTOMER", traits.customer_name, read_s=read_s, skew_ms=skew_ms)

    def play(self) -> None:
        """Write the chat up to the end of its last leg."""
        kind = self.traits.kind
        if kind == "ghost":
            self.scene.wait(1_200, 0.3)
            self.scene.close_leg("EXPIRED")
            return
        self._open()
        if self.traits.bot is not None:
            self._with_bot(self.traits.bot)
        if kind == "bot":
            self._end(None, "CONTACT_FLOW_DISCONNECT")
        elif kind == "abandoned":
            self._give_up_waiting()
        else:
            self._with_agents()

    def _open(self) -> None:
        scene = self.scene
        if self.traits.specific_types:
            scene.event("connection.acknowledged", self.customer)
        if scene.leg.related_contact_id is not None:
            scene.event("chat.rehydrated")
        if self.rng.random() < 0.7:
            scene.wait(0.5, 0.4)
            scene.say(self.flow, (PLAIN, self.speech.language.welcome))

    def _with_bot(self, role: str) -> None:
        scene = self.scene
        joins = role == "CUSTOM_BOT"
        scene.wait(0.8, 0.3)
        bot = scene.join(role, "Helper") if joins else scene.enter(role, "BOT")
        for turn in range(1 + int(self.rng.expovariate(0.5))):
            scene.wait(0.9, 0.4)
            scene.say(bot, self.speech.bot(first=turn == 0))
            scene.wait(9 * self.traits.customer_pace)
            scene.say(self.customer, self.speech.answer())
        if joins:
            scene.wait(1.0, 0.3)
            scene.leave(bot)

    def _give_up_waiting(self) -> None:
        queue = pick_queue(self.rng)
        self.scene.queue(queue)
        for _ in range(int(self.rng.random() * 3)):
            self._customer_line()
        self.scene.wait(2 * queue.wait_s)
        self._end(None, "CUSTOMER_DISCONNECT")

    def _with_agents(self) -> None:
        scene, traits = self.scene, self.traits
        member = self._agent_leg(traits.third, transfer_fails=traits.transfer_fails)
        for _ in range(traits.agent_legs - 1):
            scene.wait(6)
            scene.event("transfer.succeeded")
            scene.leave(member)
            scene.next_leg("TRANSFER", "TRANSFERRED")
            member = self._agent_leg(None, transfer_fails=False)
        if traits.survey:
            self._survey(member)
        else:
            self._end(member, self._who_ends())

    def _agent_leg(self, third: str | None, *, transfer_fails: bool) -> Member:
        """Play a contact with an agent up to the last message, and return the agent."""
        traits = self.traits
        queue = pick_queue(self.rng)
        agent, member = self._wait_for_agent(queue)
        reply_s = queue.reply_s * agent.pace
        self.scene.wait(reply_s, 0.7)
        self.scene.say(member, (PLAIN, self.speech.language.greeting))
        messages = traits.messages // traits.agent_legs
        with_third = messages // 3 if third is not None else 0
        self._talk((member,), reply_s, messages - with_third)
        if third is not None:
            self.scene.wait(5)
            guest = self.scene.join(third, "Desk" if third == "AGENT" else "Lead")
            self._talk((member, guest), reply_s, with_third)
            self.scene.leave(guest)
        if transfer_fails:
            self.scene.event("transfer.failed")
            self._talk((member,), reply_s, 2)
        return member

    def _wait_for_agent(self, queue: Queue) -> tuple[Agent, Member]:
        scene, rng = self.scene, self.rng
        scene.queue(queue)
        if rng.random() < 0.25:
            scene.say(self.flow, (PLAIN, self.speech.language.busy))
        if rng.random() < 0.35 and self.traits.kind != "silent":
            self._customer_line()
        scene.wait(queue.wait_s)
        agent = pick_agent(rng, queue)
        read_s = queue.read_s * agent.pace if self.traits.agent_receipts else None
        return agent, scene.connect(agent, read_s)

    def _talk(self, staff: tuple[Member, ...], reply_s: float, messages: int) -> None:
        """Let the customer and the staff take turns, the customer first."""
        if self.traits.kind == "silent":
            for _ in range(min(messages, 2)):
                self._staff_line(staff[0], 3 * reply_s)
            return
        customers_turn = True
        while messages > 0:
            burst = min(messages, pick(self.rng, _BURSTS))
            messages -= burst
            speaker = self.customer if customers_turn else pick(self.rng, staff)
            for number in range(burst):
                if customers_turn:
                    self._customer_line(follows=number > 0)
                else:
                    self._staff_line(speaker, _NEXT_LINE_S if number else reply_s)
            customers_turn = not customers_turn

    def _customer_line(self, *, follows: bool = False) -> None:
        scene, pace = self.scene, self.traits.customer_pace
        since_ms = scene.now_ms
        if follows:
            scene.wait(_NEXT_LINE_S * pace, 0.6)
        else:
            later = self.rng.random() < _HOURS_LATER_SHARE
            scene.wait(_CUSTOMER_REPLY_S * pace * (_HOURS_LATER_FACTOR if later else 1), 0.9)
        if scene.now_ms - since_ms > _IDLE_AFTER_MS:
            back_ms = scene.now_ms
            scene.now_ms = since_ms + _IDLE_AFTER_MS
            scene.event("participant.idle", self.customer)
            scene.now_ms = back_ms
            scene.event("participant.returned", self.customer)
        self._send(self.customer, self.speech.customer())

    def _staff_line(self, speaker: Member, delay_s: float) -> None:
        self.scene.wait(delay_s, 0.7)
        self._send(speaker, self.speech.agent())

    def _send(self, sender: Member, words: Words) -> None:
        if self.rng.random() < _ATTACHMENT_SHARE:
            self.scene.attach(sender)
        else:
            self.scene.say(sender, words)

    def _survey(self, agent: Member) -> None:
        """Let a disconnect flow, which is a contact of its own, ask how it was."""
        scene, rng = self.scene, self.rng
        scene.wait(4)
        scene.leave(agent)
        scene.next_leg("DISCONNECT", "AGENT_DISCONNECT")
        scene.wait(0.5, 0.3)
        scene.say(self.flow, (PLAIN, self.speech.language.survey))
        if rng.random() < 0.6 and self.traits.kind != "silent":
            scene.wait(12)
            scene.say(self.customer, (PLAIN, str(1 + int(rng.random() * 5))))
        self._end(None, "CONTACT_FLOW_DISCONNECT")

    def _who_ends(self) -> str:
        luck = self.rng.random()
        if self.traits.kind == "silent" or luck < 0.1:
            self.scene.wait(600, 0.2)
            return "IDLE_DISCONNECT"
        return "CUSTOMER_DISCONNECT" if luck < 0.6 else "AGENT_DISCONNECT"

    def _end(self, agent: Member | None, reason: str) -> None:
        scene = self.scene
        if agent is not None and reason != "IDLE_DISCONNECT" and self.rng.random() < 0.6:
            scene.wait(8)
            scene.say(agent, (PLAIN, self.speech.language.farewell))
        scene.wait(12)
        leaving = [self.customer] if agent is None else [self.customer, agent]
        if reason == "AGENT_DISCONNECT":
            leaving.reverse()
        for member in leaving:
            if reason == "IDLE_DISCONNECT" and member is self.customer:
                scene.disconnect(member)
            else:
                scene.leave(member)
            scene.now_ms += 40
        scene.event("chat.ended")
        scene.close_leg(reason)
